package probe

var upgradeExperiments = []*experiment{}
