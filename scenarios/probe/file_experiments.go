package probe

var fileExperiments = []*experiment{}
